"""The demo under load: a server process, visitors that come and go, what each of them gets."""
