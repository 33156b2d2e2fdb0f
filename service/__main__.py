"""`python -m service` is `text-eraser`."""

from service.cli import main

if __name__ == "__main__":
    main()
