pytest_plugins = ["luna_stack"]
