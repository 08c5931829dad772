"""The world drawn by several hands: free emoji sets beside the Open Clip Art Library, with known truth."""
