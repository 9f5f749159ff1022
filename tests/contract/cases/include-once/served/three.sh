#!/bin/sh
echo three > /opt/three
