//! Create key: the form, its errors, and the new key.

use http::StatusCode;
use keysync_testkit::{Harness, lambda::Mode};

use crate::visitor::Visitor;

#[tokio::test]
async fn created_key_has_the_chosen_fields() {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let path = format!("/console/instances/{}/new-key", harness.instance());
    let form = visitor.open(&path).await;
    assert!(form.html.contains("autofocus"), "{}", form.html);
    let fields = [("name", "invoices"), ("type", "root"), ("alias", "billing"), ("description", "of 2026")];
    let text = visitor.submit(&form, &path, &fields).await.text();
    for part in ["The key is created", "invoices Active", "billing", "of 2026", "Synchronize"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let page = visitor.submit(&form, &path, &[("name", "tokens"), ("type", "standard")]).await;
    assert!(page.text().contains("tokens Active") && !page.html.contains("/sync\""), "{}", page.text());
}

#[tokio::test]
async fn invalid_key_is_explained_and_form_kept() {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    let path = format!("/console/instances/{}/new-key", harness.instance());
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let form = visitor.open(&path).await;
    let fields = [("name", "invoices"), ("type", "standard"), ("alias", "no spaces allowed")];
    let page = visitor.submit(&form, &path, &fields).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text().contains("The key was not created"), "{}", page.text());
    for kept in ["value=\"invoices\"", "value=\"standard\" selected", "value=\"no spaces allowed\""] {
        assert!(page.html.contains(kept), "{kept}: {}", page.html);
    }

    let reader = Visitor::logged_in(&harness, harness.reader_api_key()).await;
    let form = reader.open(&path).await;
    let page = reader.submit(&form, &path, &[("name", "invoices")]).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    let keys = format!("/console/instances/{}/keys", harness.instance());
    assert!(visitor.open(&keys).await.text().contains("No keys yet"));
}
