"""Pictures that people look at: numbers in, figures out. Knows no record, file or model."""
