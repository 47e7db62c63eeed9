//go:build unix

package main

import (
	"crypto/md5"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// uploadScript prints what CGI.pm reads of a form with a file. CGI.pm reads the body to its end
// itself.
const uploadScript = `
use strict; use CGI; use Digest::MD5;
my $q = CGI->new;
my $file = $q->upload('file') or do { print $q->header(-status => '400 No File'); exit };
binmode $file;
my $sum = Digest::MD5->new->addfile($file)->hexdigest;
print $q->header(-type => 'text/plain', -status => '201 Created', -cookie => $q->cookie(-name => 'a', -value => 'b c'), -X_Seen => 'yes'),
	join("\n", $q->param('text'), $q->param('file'), $q->uploadInfo($q->param('file'))->{'Content-Type'}, $sum, $q->url(-absolute => 1, -path_info => 1)), "\n";
`

// TestCGIpm sends uploadScript a form with 3 MB, of known length and chunked.
func TestCGIpm(t *testing.T) {
	t.Parallel()
	perl := webserver.Find(t, "perl")
	if err := exec.Command(perl, "-MCGI", "-e", "1").Run(); err != nil {
		webserver.FindFile(t, "CGI.pm", "/usr/share/perl5/CGI.pm")
	}
	dir := makeFiles(t, map[string]string{"upload.pl": "#!" + perl + uploadScript})
	content := strings.Repeat("0123456789abcdef\r\n", 3<<20/18)
	want := "some ü text\na file.bin\napplication/octet-stream\n" + fmt.Sprintf("%x", md5.Sum([]byte(content))) + "\n"
	for _, f := range realFronts {
		url := f.open(t, "cgi:"+filepath.Join(dir, "upload.pl"), targetOptions{}) + "/path"
		for _, chunked := range []bool{false, true} {
			resp, body := sendForm(t, url, content, chunked)
			if resp.StatusCode != 201 || resp.Header.Get("X-Seen") != "yes" || resp.Header.Get("Set-Cookie") != "a=b%20c; path=/" {
				t.Errorf("%s, chunked %v: got %s %v", f.name(), chunked, resp.Status, resp.Header)
			}
			if body != want+"/path\n" {
				t.Errorf("%s, chunked %v: got %.300q; want %q", f.name(), chunked, body, want+"/path\n")
			}
		}
	}
}

// sendForm sends a form with a text and a file.
func sendForm(t *testing.T, url, content string, chunked bool) (*http.Response, string) {
	t.Helper()
	var b strings.Builder
	form := multipart.NewWriter(&b)
	form.WriteField("text", "some ü text")
	file, err := form.CreateFormFile("file", "a file.bin")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(file, content)
	form.Close()
	var body io.Reader = strings.NewReader(b.String())
	if chunked {
		body = io.MultiReader(body)
	}
	resp, err := http.Post(url, form.FormDataContentType(), body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp, string(got)
}

// TestPHPMyAdmin requests the login page and all files that it names. Some of them are symbolic
// links of root into other Debian packages.
func TestPHPMyAdmin(t *testing.T) {
	t.Parallel()
	const root = "/usr/share/phpmyadmin"
	php := webserver.Find(t, "php-cgi")
	webserver.FindFile(t, "phpmyadmin", root+"/index.php")
	o := targetOptions{root: root, splitPath: []string{".php"}, index: []string{"index.php"}, symlinks: exchange.SymlinksOwner}
	for _, f := range realFronts {
		t.Run(f.name(), func(t *testing.T) {
			t.Parallel()
			url := f.open(t, "cgi:"+php, o)
			jar, _ := cookiejar.New(nil)
			client := &http.Client{Jar: jar}
			defer client.CloseIdleConnections()
			page := getBy(t, client, url+"/")
			if !strings.Contains(page, `name="pma_username"`) || !strings.Contains(page, `name="token"`) {
				t.Fatalf("got %.500q; want the login page", page)
			}
			names := regexp.MustCompile(`(?:src|href)="((?:js|themes)/[^"]+|index\.php\?[^"]+|favicon\.ico)"`).FindAllStringSubmatch(page, -1)
			if len(names) < 20 {
				t.Errorf("the page names %d other files; want 20 or more", len(names))
			}
			for _, name := range names {
				getBy(t, client, url+"/"+strings.ReplaceAll(name[1], "&amp;", "&"))
			}
		})
	}
}

// getBy returns the body of a 200.
func getBy(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || len(body) == 0 {
		t.Errorf("%s: got %s with %d bytes, %v", url, resp.Status, len(body), err)
	}
	return string(body)
}
