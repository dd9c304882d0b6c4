/* tmpcopyup: a fresh tmpfs begins with what the image has at that place. */
#pragma once

/* Copies everything below the directory `from` into the directory `to`: files (holes are not kept), directories,
 * symbolic links, device nodes and fifos, with owner, mode, times and extended attributes; sockets are left out. Mounts
 * below are not entered, no symlink is followed. Both descriptors are O_RDONLY directories or O_PATH. */
int copy_tree(int from, int to);
