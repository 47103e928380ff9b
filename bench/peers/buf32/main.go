// Copies a file or a tree through a buffer of 32 KiB in user space: the loop that most programs are written with.
package main

import (
	"io"
	"log"
	"os"
	"path/filepath"
)

var buffer = make([]byte, 32<<10)

func copyFile(source, target string, mode os.FileMode) error {
	in, err := os.Open(source)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode.Perm())
	if err != nil {
		return err
	}
	// Wrapped, so that Go does not hand the copy to the kernel.
	type reader struct{ io.Reader }
	type writer struct{ io.Writer }
	if _, err := io.CopyBuffer(writer{out}, reader{in}, buffer); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

func main() {
	root, target := os.Args[1], os.Args[2]
	type made struct {
		path string
		info os.FileInfo
	}
	var directories []made
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		rest, _ := filepath.Rel(root, path)
		to := filepath.Join(target, rest)
		switch {
		case info.IsDir():
			directories = append(directories, made{to, info})
			return os.Mkdir(to, info.Mode().Perm()|0700)
		case info.Mode()&os.ModeSymlink != 0:
			text, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(text, to)
		}
		if err := copyFile(path, to, info.Mode()); err != nil {
			return err
		}
		return os.Chtimes(to, info.ModTime(), info.ModTime())
	})
	if err != nil {
		log.Fatal(err)
	}
	for i := len(directories) - 1; i >= 0; i-- {
		os.Chmod(directories[i].path, directories[i].info.Mode().Perm())
		os.Chtimes(directories[i].path, directories[i].info.ModTime(), directories[i].info.ModTime())
	}
}
