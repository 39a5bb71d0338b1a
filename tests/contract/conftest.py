pytest_plugins = ["recording", "luna_stack"]
