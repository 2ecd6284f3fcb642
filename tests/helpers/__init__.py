"""What the tests share: bakes, stand-ins, servers, containers, a GitHub of their own, and the rules of workflows."""
