"""The HTTP routes: what comes in, what goes out, and every way to refuse. Nothing here touches a pixel."""
