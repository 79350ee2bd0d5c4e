"""The wire: WS-Management as Windows speaks it for PowerShell sessions, on loopback. Only listener.py does I/O."""
