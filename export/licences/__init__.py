"""What the project is installed with: every dependency, its version, its licence."""
