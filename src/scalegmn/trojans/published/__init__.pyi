from ._collection import TROJAN_FOLDERS, TrojanFolders

__all__ = ["TROJAN_FOLDERS", "TrojanFolders"]
