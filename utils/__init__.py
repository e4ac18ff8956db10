"""What all three scripts share: settings, clock, dates, logging, state. Imports nothing from
`collectors`."""
