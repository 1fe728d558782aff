"""AWS in the words of this domain. Nothing outside this package imports boto3.

Every public function raises CloudUnavailable when AWS throttles, times out or fails inside, and Failed when AWS
refuses the call; neither says anything about a node.
"""
