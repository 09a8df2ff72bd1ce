"""Tables, figures and the document; the only part of the package that imports matplotlib."""
