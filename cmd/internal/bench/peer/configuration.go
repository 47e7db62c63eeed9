package peer

import (
	"bytes"
	"embed"
	"os"
	"text/template"
)

//go:embed testdata
var files embed.FS

var configurations = template.Must(template.ParseFS(files, "testdata/nginx.conf", "testdata/Caddyfile", "testdata/php-fpm.conf"))

// configure fills in the template of that name, and writes it into dir under another.
func configure(dir, template, name string, data map[string]any) (path string, err error) {
	var text bytes.Buffer
	if err := configurations.ExecuteTemplate(&text, template, data); err != nil {
		return "", err
	}
	return writeFile(dir, name, text.Bytes())
}

// source writes a source of testdata into dir.
func source(dir, name string) (path string, err error) {
	text, err := files.ReadFile("testdata/" + name)
	if err != nil {
		return "", err
	}
	return writeFile(dir, name, text)
}

// owner is the user that nginx's workers are to be, and who may use the sockets. Only root can
// choose.
func owner() string {
	if os.Getuid() == 0 {
		return "root root"
	}
	return "nobody"
}
