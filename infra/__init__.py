"""The deployment: what CloudFormation makes beside the functions, their permissions, and the packages for Lambda."""
