"""The pipelines contract: smart contracts from a prompt, and the user's list of them, with sessions in cookies."""
