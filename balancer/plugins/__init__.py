"""Where the plugins of every installed distribution meet; holds nothing itself."""

from twisted.plugin import pluginPackagePaths

__path__.extend(pluginPackagePaths(__name__))
