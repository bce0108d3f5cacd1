"""Objects in S3: presigned uploads and downloads, and the artifacts that jobs deliver."""
