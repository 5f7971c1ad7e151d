//! The line of the user's program that a node of the graph comes from.

/// The user's own line in a stack trace of Python, for messages: file, number and text.
pub(super) fn line(trace: &str) -> Option<String> {
    let mut frames = Vec::new();
    let mut lines = trace.lines().map(str::trim).peekable();
    while let Some(head) = lines.next() {
        if head.starts_with("File ") {
            let text = lines.next_if(|line| !line.starts_with("File ")).unwrap_or_default();
            frames.push((head, text));
        }
    }
    // Below the user's line are those of PyTorch's own modules.
    let (head, text) = frames.into_iter().rev().find(|(head, _)| !head.contains("site-packages/torch/"))?;
    let mut parts = head.trim_start_matches("File ").splitn(3, ", ");
    let file = parts.next()?.trim_matches('"');
    let file = file.rsplit(['/', '\\']).next()?;
    let number = parts.next()?;
    Some(format!("{file}, {number}: {}", text.chars().take(120).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn the_user_s_own_line_is_found() {
        let trace = "  File \"src/a/nets.py\", line 13, in forward\n    x = F.relu(s.conv1(x))\n  File \
                     \"lib/site-packages/torch/nn/modules/conv.py\", line 565, in forward\n    return 1\n";
        assert_eq!(line(trace).as_deref(), Some("nets.py, line 13: x = F.relu(s.conv1(x))"));
        assert_eq!(line("no trace"), None);
        assert_eq!(line("File \"a.py\", line 2, in f"), Some("a.py, line 2: ".into()));
    }
}
