//! The consistent read of one item, which the other reads share.

use super::{Ledger, LedgerError, expression::string, item::Item};

impl Ledger {
    /// The item with these keys, as the last write left it; `None` if there is none.
    pub(super) async fn get(&self, pk: &str, sk: &str) -> Result<Option<Item>, LedgerError> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        Ok(request.key("pk", string(pk)).key("sk", string(sk)).send().await?.item)
    }
}
