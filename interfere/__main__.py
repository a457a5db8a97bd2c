"""`python -m interfere` and `torchrun -m interfere`: the command line."""

from interfere_cli import main

if __name__ == "__main__":
    main()
