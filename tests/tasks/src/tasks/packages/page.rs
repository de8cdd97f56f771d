//! The commands and files of a page of the documentation.

/// A code block that a reader runs, or writes to a file.
#[derive(Debug, PartialEq)]
pub(super) enum Block {
    /// A block of `sh`.
    Commands(String),
    /// A block with a title, which is the file's name.
    File {
        /// The name.
        name: String,
        /// The content.
        text: String,
    },
}

/// The blocks of a page in Markdown, in its order.
pub(super) fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let text = lines.by_ref().take_while(|line| *line != "```");
        let text = text.fold(String::new(), |text, line| text + line + "\n");
        let title = info.split_once("title=\"").and_then(|(_, rest)| rest.split_once('"'));
        if let Some((name, _)) = title {
            blocks.push(Block::File { name: name.to_owned(), text });
        } else if info == "sh" {
            blocks.push(Block::Commands(text));
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_commands_and_titled_files() {
        let page = "# Page\n\n```sh\nls\npwd\n```\n\n```js title=\"a.mjs\"\n1;\n```\n\n```text\nno\n```\n```js\nno\n```\n";
        let file = Block::File { name: "a.mjs".to_owned(), text: "1;\n".to_owned() };
        assert_eq!(blocks(page), [Block::Commands("ls\npwd\n".to_owned()), file]);
    }
}
