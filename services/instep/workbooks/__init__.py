"""Tables as files for people: written as CSV or Excel, and read again.

Reads and writes files, and knows nothing of events. Promises:

- A text stays a text: no spreadsheet takes a text for a formula, a number, a date or a link, and each text comes back from
  the file as it was written.
- A file appears under its name whole, or not at all, and no file is overwritten.
- A file from outside is refused in a sentence when it is damaged, locked, too large, or no workbook.

The modules:

    tables       columns and values
    new_file     a file that appears whole
    csv_file     CSV, out and in
    excel        Excel, out
    excel_in     Excel, in
"""
