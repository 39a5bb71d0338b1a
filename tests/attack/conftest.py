"""Other people's tools against the running stack."""
pytest_plugins = ["luna_stack"]
