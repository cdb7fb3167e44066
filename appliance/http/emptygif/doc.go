// Package emptygif answers with a transparent GIF of one pixel from memory, as
// nginx's empty_gif does. It keeps nothing.
package emptygif
