"""What a bridged call costs against the same call made with the MCP SDK's client alone."""
