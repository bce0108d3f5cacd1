"""The OpenAPI 3.1 document of the whole API, made from what the routes declare (https://spec.openapis.org/oas/v3.1.1).

Nothing here is imported before somebody asks for the document: a cold start does not pay for it.
"""
