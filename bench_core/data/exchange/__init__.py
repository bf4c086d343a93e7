"""Images as other repositories keep them: writing their arrays and folders, and reading them."""
