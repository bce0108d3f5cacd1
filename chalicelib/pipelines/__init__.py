"""Smart contracts: pipelines from a prompt to a verified contract, and what their owners do with them."""
