// Package listen is where the servers of this module listen: the grammar of addresses ([Parse]),
// the listeners that they describe ([Listen]), and one listener for several protocols ([Split],
// which tells them apart by their first byte).
//
//	address, err := listen.Parse("fastcgi+unix:/run/app.sock?mode=0660&group=www-data")
//	if err != nil {
//		return err
//	}
//	l, err := listen.Listen(address)
package listen
