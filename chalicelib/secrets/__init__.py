"""Projects' secrets: envelope-encrypted, and released once for each claim token."""
