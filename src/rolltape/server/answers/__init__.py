"""What the API answers, a module for each kind of question: what is asked, checked, and the bytes that answer it."""
