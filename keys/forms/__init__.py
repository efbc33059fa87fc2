"""The admin's forms, a module for each page; the fields that several have stand in `fields`."""
