"""The fixtures of whole-system tests; what they give stands in tests/README.md."""
pytest_plugins = ["recording", "luna_stack"]
