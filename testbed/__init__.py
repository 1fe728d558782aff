"""What the product is tried on, without AWS.

run/        what a person starts: a drill, a soak, a cloud to look at; the bed below them and the screen
scenarios/  what can go wrong, each told once, and what must hold then
judges/     what was seen from outside the controller, and what it says: promises, phases, the tale
garoon/     the installation that is protected, its App servers, and the user in front of them
stack/      the product as it is deployed here: build, deployment, endpoint, catalogue of steps
world/      what the processes of one simulated world share
cloud/      AWS: an emulator with its gaps closed
hosts/      the two database servers: the real script, on stand-ins for the machine's programs
cluster/    the same two in memory, without a clock of their own; tests/contract holds them to the script
lab/        the same two as virtual machines with real replication
campaign/   every fault at every step, in virtual time
model/      every order of events, within bounds
"""
