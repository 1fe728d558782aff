"""The product as it is deployed here: template, build, deployment, endpoint, catalogue of steps."""
