"""What tests share: databases, makers of people, projects and notes, and the guard that keeps tests off the network."""
