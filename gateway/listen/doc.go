// Package listen has the listeners of this module's servers: the grammar of addresses ([Parse]),
// the listeners that addresses describe ([Listen]), and one listener for several protocols
// ([Split], which distinguishes them by their first byte).
//
//	address, err := listen.Parse("fastcgi+unix:/run/app.sock?mode=0660&group=www-data")
//	if err != nil {
//		return err
//	}
//	l, err := listen.Listen(address)
package listen
