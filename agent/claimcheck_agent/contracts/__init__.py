"""Smart contracts: written from a description in words, compiled, tried, deployed, verified and audited."""
