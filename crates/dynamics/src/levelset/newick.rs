//! Merge trees as text in the Newick format.

use std::fmt::Write;

use super::MergeTree;

impl MergeTree {
    /// The tree in the Newick format, `((a:0.1,b:0.2):0.3,c:0.5);`: a branch is as long as the risk rises along it. The
    /// trees of a forest hang from a root without lengths.
    ///
    /// Names `[M]` are quoted where the format asks for it.
    pub fn newick(&self, names: &[impl AsRef<str>]) -> String {
        let mut text = String::new();
        match self.roots() {
            [root] => self.write(*root, names, &mut text),
            roots => {
                text.push('(');
                for (i, &root) in roots.iter().enumerate() {
                    text.push_str(if i > 0 { "," } else { "" });
                    self.write(root, names, &mut text);
                }
                text.push(')');
            }
        }
        text.push(';');
        text
    }

    /// One subtree, without recursion: a tree of 200 minima may be a chain.
    fn write(&self, root: usize, names: &[impl AsRef<str>], text: &mut String) {
        enum Step {
            Node(usize),
            Text(&'static str),
            Length(f64),
        }
        let nodes = self.nodes();
        let mut open = vec![Step::Node(root)];
        while let Some(step) = open.pop() {
            match step {
                Step::Text(t) => text.push_str(t),
                Step::Length(length) => {
                    // Writing to a string cannot fail.
                    let _ = write!(text, ":{length}");
                }
                Step::Node(i) => match nodes[i].children {
                    None => text.push_str(&quoted(names[i].as_ref())),
                    Some((a, b)) => {
                        let rise = |child: usize| Step::Length(nodes[i].height - nodes[child].height);
                        text.push('(');
                        open.extend([Step::Text(")"), rise(b), Step::Node(b), Step::Text(","), rise(a)]);
                        open.push(Step::Node(a));
                    }
                },
            }
        }
    }
}

/// A label, in quotes unless it is a plain word.
fn quoted(name: &str) -> String {
    // In an unquoted label an underscore would mean a blank.
    if !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '+')) {
        return name.to_owned();
    }
    format!("'{}'", name.replace('\'', "''"))
}
