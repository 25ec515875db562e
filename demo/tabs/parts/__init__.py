"""Parts of tabs that have components and events of their own."""
