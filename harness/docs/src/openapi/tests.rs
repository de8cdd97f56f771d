use serde_json::json;

use super::*;

#[test]
fn operation_lists_parameters_bodies_and_responses() {
    let document = json!({
        "info": {"description": "About it."},
        "tags": [{"name": "keys", "description": "Keys."}],
        "paths": {"/keys/{id}": {"put": {
            "tags": ["keys"], "summary": "Change a key", "description": "Changes it.",
            "parameters": [{"name": "id", "in": "path", "required": true, "description": "its id. ",
                            "schema": {"type": "string", "minLength": 2, "maxLength": 90, "pattern": "a|b"}}],
            "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Key"}}}},
            "responses": {"204": {"description": "Changed.", "headers": {"etag": {"$ref": "#/components/headers/etag"}}}}
        }}},
        "components": {
            "headers": {"etag": {"description": "the version"}},
            "schemas": {"Key": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string", "description": "Its name.\nOne line."},
                "tags": {"type": "array", "items": {"type": "object", "properties": {"a": {"enum": ["x", 1]}}}}
            }}}
        }
    });
    let page = markdown("Operations", &document);
    for expected in [
        "# Operations\n\nAbout it.\n",
        "| [`PUT /keys/{id}`](#put-keysid) | Change a key |",
        "## Keys\n\nKeys.",
        "### `PUT /keys/{id}`\n\nChange a key\n\nChanges it.",
        r"| `id` | path, required | string, 2 to 90 characters, matches `a\|b` | its id |",
        "Request body, `application/json`: \n\nType: [Key](#key)",
        "| 204 | Changed Header `etag`: the version. |  |",
        "### `Key`",
        "| `name` | string, required | Its name. One line |",
        "| `tags[].a` | `\"x\"` or `1` |  |",
    ] {
        assert!(page.contains(expected), "{expected:?} is missing in\n{page}");
    }
    assert!(!page.contains("## Operations"), "{page}");
}
