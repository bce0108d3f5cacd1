"""The local cloud: one process that stands in for API Gateway, Lambda, DynamoDB, S3 and KMS. Never packaged."""
