package exchange

// FolderByPath opens a folder as systems without O_PATH do.
func FolderByPath(path string, symlinks Symlinks) (*Folder, error) {
	dir, err := openPath(path)
	if err != nil {
		return nil, err
	}
	return &Folder{path: path, real: path, symlinks: symlinks, dir: dir}, nil
}
