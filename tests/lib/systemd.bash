# For tests in a view with a systemd of its own ("# view: systemd", tests/helpers/view.c).

UNITS=/run/view/units # where systemd looks first

# The message bus, as a unit that systemd knows by this name. Started by tests that need it.
start_message_bus() {
        mkdir -p /run/dbus
        cat >$UNITS/dbus.socket <<'UNIT'
[Unit]
DefaultDependencies=no
[Socket]
ListenStream=/run/dbus/system_bus_socket
UNIT
        cat >$UNITS/dbus.service <<'UNIT'
[Unit]
DefaultDependencies=no
Requires=dbus.socket
[Service]
ExecStart=/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation
UNIT
        systemctl daemon-reload
        systemctl start dbus.service
}

stop_message_bus() {
        systemctl stop dbus.service dbus.socket
        rm -rf /run/dbus $UNITS/dbus.*
        systemctl daemon-reload
}

property() { # property NAME UNIT
        systemctl show -P "$1" "$2"
}

is_loaded() {
        [ "$(property LoadState "$1")" = loaded ]
}

is_gone() { # "! is_loaded" would not fail a test
        is "$(property LoadState "$1")" not-found
}
