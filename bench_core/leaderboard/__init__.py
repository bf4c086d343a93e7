"""Tables made from result records: Markdown, CSV and JSON."""
