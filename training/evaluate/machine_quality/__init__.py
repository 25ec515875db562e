"""What is measured of the machine quality: does it predict what machines that were not asked do?"""
