"""Before the routes: connections, admission, tokens, request ids. Pure ASGI; knows nothing of images."""
