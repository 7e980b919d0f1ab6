"""What people see: cards, tables and bars, and the pump that lets clicks through while a cell waits."""
